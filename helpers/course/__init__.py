"""The `course` command and what it runs: lessons, report, README, publishing, doctor."""
