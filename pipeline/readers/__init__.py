"""One module per input format; each turns a byte stream into chunks of records and loses none."""
