"""The others: each file makes one peer solve the same text, or says why it cannot be asked."""
