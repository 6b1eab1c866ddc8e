//! The operating discipline, one practice a file.
