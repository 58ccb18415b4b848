-- Which worker process acts on a host. One row a host, written by whoever takes the lease and renews it; all times are
-- this database's. `term` is counted up whenever another process takes over.
CREATE TABLE host_leases (
    host_id uuid        PRIMARY KEY,
    holder  text        NOT NULL,
    term    bigint      NOT NULL,
    until   timestamptz NOT NULL
);
