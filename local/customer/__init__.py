"""A customer's systems, simulated: endpoints that are told of replies and receipts, and an OAuth token server.

Whatever is posted to `/replies`, `/receipts` or any other path is recorded and answered as told by control routes:

- `GET /_got?after=N` → `{"calls": [{"n", "at", "path", "headers", "body", "status"}], "next": N}`, in their order;
  `status` is what was answered, 0 for a call that wasn't: dropped, given up by the caller, or not yet.
- `POST /_behave {"seed", "rules": [{"status"?, "headers"?, "body"?, "delay_ms"?, "drip_ms"?, "drop"?, "path"?,
  "contains"?, "share"?, "times"?}]}`: the first rule that fits decides, else 204. `DELETE` forgets them.
- `POST /token` hands out access tokens for client credentials (HTTP Basic, `kabar` / `s3cret`).
- `POST /_tokens {"required"?, "status"?, "expires_in"?, "delay_ms"?, "revoke"?}` says how: `required` makes every
  endpoint answer 401 without a good one, `revoke` ends those given out. `GET` → `{"asked", "given"}`.
"""
