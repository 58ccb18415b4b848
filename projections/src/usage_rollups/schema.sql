-- Sums of usage. `at` is the beginning of the hour or day, in UTC. A request without a model has the empty text, one
-- without a key the nil UUID, since no part of a primary key can be null.
CREATE TABLE usage_hours (
    tenant_id           uuid        NOT NULL,
    bot_id              uuid        NOT NULL,
    at                  timestamptz NOT NULL,
    vendor              text        NOT NULL,
    model               text        NOT NULL,
    key_id              uuid        NOT NULL,
    requests            bigint      NOT NULL,
    errors              bigint      NOT NULL,
    input_tokens        bigint      NOT NULL,
    cached_input_tokens bigint      NOT NULL,
    cache_write_tokens  bigint      NOT NULL,
    output_tokens       bigint      NOT NULL,
    reasoning_tokens    bigint      NOT NULL,
    cost_micros         bigint      NOT NULL,
    unpriced_requests   bigint      NOT NULL,
    estimated           bigint      NOT NULL,
    interrupted         bigint      NOT NULL,
    -- A bot has one tenant for ever; it stands in the key so that no event could ever add to another tenant's row.
    PRIMARY KEY (bot_id, at, vendor, model, key_id, tenant_id)
) WITH (fillfactor = 80);

CREATE TABLE usage_days (LIKE usage_hours INCLUDING ALL) WITH (fillfactor = 80);
-- For the sums of the present day and month over all bots.
CREATE INDEX usage_days_by_day ON usage_days (at);
