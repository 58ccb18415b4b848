-- A row a proxied request. `position` is its event's, which makes the key unique and the order of a bot's rows total;
-- there is one index only, since this table takes tens of thousands of rows a second.
CREATE TABLE usage_log (
    tenant_id           uuid        NOT NULL,
    bot_id              uuid        NOT NULL,
    at                  timestamptz NOT NULL,
    position            bigint      NOT NULL,
    request_id          uuid        NOT NULL,
    vendor              text        NOT NULL,
    model               text,
    key_id              uuid,
    status              integer     NOT NULL,
    error               text,
    stream              boolean     NOT NULL,
    input_tokens        bigint      NOT NULL,
    cached_input_tokens bigint      NOT NULL,
    cache_write_tokens  bigint      NOT NULL,
    output_tokens       bigint      NOT NULL,
    reasoning_tokens    bigint      NOT NULL,
    cost_micros         bigint,
    price_version       text,
    estimated           boolean     NOT NULL,
    interrupted         boolean     NOT NULL,
    ttfb_ms             bigint,
    duration_ms         bigint      NOT NULL,
    PRIMARY KEY (bot_id, at, position)
);
