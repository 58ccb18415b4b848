//! What `clawplane dev` needs besides the platform itself: a data directory with its lock and its secrets,
//! a private Postgres, a private NATS.
