"""Who may say what when: state and Deferreds, no transport, no reactor."""
