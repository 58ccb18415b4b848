-- Names that may exist once (a bot's hostname, a user's e-mail address): taken and released by events, in the
-- transaction that stores them. Derived: it can be rebuilt from the events.
CREATE TABLE claims (
    scope          text NOT NULL,
    name           text NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL,
    PRIMARY KEY (scope, name)
);
