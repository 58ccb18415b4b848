-- One row: which installation this database belongs to. Its containers carry the id, so that two installations on one
-- container engine leave each other's alone.
CREATE TABLE installation (
    id        uuid    NOT NULL DEFAULT gen_random_uuid(),
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton)
);
INSERT INTO installation DEFAULT VALUES;
