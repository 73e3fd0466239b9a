"""`make down`: stop what `make up` started and remove what it left; likewise stacks that lost their owner."""

from local import paths, stack, trouble


def main() -> int:
    stack.reap()
    was_up = stack.stop(stack.UP)
    paths.LOCAL_JSON.unlink(missing_ok=True)
    print("Kabar is down." if was_up else "Nothing was up.")
    return 0


if __name__ == "__main__":
    trouble.run(main)
