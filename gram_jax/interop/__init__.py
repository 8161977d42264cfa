"""Parameters in the forms that other libraries read: names and arrays, no library of theirs."""
