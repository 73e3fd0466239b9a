"""DynamoDB and S3: every key in `keys`, one module per aggregate. Access patterns [Pn]: docs/data-model.md."""
