"""The tags of authkit's templates."""
