"""Who signs: a key in memory, an encrypted file, AWS KMS, or a remote signer, behind one interface."""
