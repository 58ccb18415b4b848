-- A row a host; a removed one has none. `host` is the aggregate's own state as the domain folds it; the key of its client
-- certificate is sealed.
CREATE TABLE hosts (
    id       uuid             PRIMARY KEY,
    name     text COLLATE "C" NOT NULL,
    added_at timestamptz      NOT NULL,
    host     jsonb            NOT NULL
);
CREATE INDEX hosts_by_name ON hosts (name, id);
