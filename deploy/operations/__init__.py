"""What the scripts in `deploy/` share. They need Python 3.9, which macOS and every Linux have, and the AWS CLI."""
