-- What writes with a key have done, so that the same write sent again gets the
-- first one's answer. A row is written in the transaction of its write: both
-- are there, or neither, on every server and after every promotion.

-- +goose NO TRANSACTION

-- +goose Up
CREATE TABLE IF NOT EXISTS write_keys (
    hash        BINARY(32)  NOT NULL PRIMARY KEY COMMENT 'of the user and his key',
    fingerprint BINARY(32)  NOT NULL COMMENT 'of what was to be written',
    op          VARCHAR(10) CHARACTER SET ascii NOT NULL,
    product     JSON        NOT NULL COMMENT 'the answer',
    at          DATETIME(6) NOT NULL COMMENT 'UTC; old rows are trimmed',
    KEY write_keys_at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- +goose Down
DROP TABLE IF EXISTS write_keys;
