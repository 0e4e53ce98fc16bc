//! Each example, started as its first line says, does what it prints.
