//! The webhook that says whether an Ingress may be created.
