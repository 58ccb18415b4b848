-- History is append-only: nobody updates, deletes or truncates it, not even the table's owner by accident.
-- (Restoring a dump into a new cluster has to rewrite tx_id; that one step disables the guard by name.)
CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

-- TRUNCATE fires no trigger of a partition's parent, and a partition can be named directly: each has its own.
CREATE TRIGGER events_guard_rows BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_are_append_only();
CREATE TRIGGER events_guard_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only();
CREATE TRIGGER events_guard_truncate BEFORE TRUNCATE ON events_usage
    FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only();
CREATE TRIGGER events_guard_truncate BEFORE TRUNCATE ON events_default
    FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only();

REVOKE UPDATE, DELETE, TRUNCATE ON events, events_usage, events_default FROM PUBLIC;
