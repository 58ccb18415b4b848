-- How far long jobs have come, for whoever watches: not history, so not events. Unlogged: after a crash of the database
-- there is no job that goes on.
CREATE UNLOGGED TABLE job_progress (
    job        uuid        PRIMARY KEY,
    stage      text        NOT NULL,
    done       bigint      NOT NULL,
    total      bigint      NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
