-- Data definition commits by itself in MySQL, so a starter that dies half-way
-- leaves some tables behind: IF NOT EXISTS lets the next one carry on.
--
-- Collations: codes and user names ignore case but not accents (CAÑA is not
-- CANA). Names and categories ignore both, with ñ as a letter of its own, as
-- a Spanish reader expects of a search.

-- +goose NO TRANSACTION

-- +goose Up
CREATE TABLE IF NOT EXISTS users (
    id            BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name          VARCHAR(60)  CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_ci NOT NULL,
    password_hash VARBINARY(80) NOT NULL COMMENT 'bcrypt',
    seeded        BOOLEAN      NOT NULL DEFAULT FALSE COMMENT 'made from ADMIN_USER',
    created_at    DATETIME(6)  NOT NULL COMMENT 'UTC',
    updated_at    DATETIME(6)  NOT NULL COMMENT 'UTC',
    UNIQUE KEY users_name (name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS products (
    id          BIGINT        NOT NULL AUTO_INCREMENT PRIMARY KEY,
    code        VARCHAR(32)   CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_ci NOT NULL,
    name        VARCHAR(120)  CHARACTER SET utf8mb4 COLLATE utf8mb4_es_0900_ai_ci NOT NULL,
    description VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_es_0900_ai_ci NOT NULL,
    unit        VARCHAR(20)   CHARACTER SET utf8mb4 COLLATE utf8mb4_es_0900_ai_ci NOT NULL,
    category    VARCHAR(60)   CHARACTER SET utf8mb4 COLLATE utf8mb4_es_0900_ai_ci NOT NULL,
    created_at  DATETIME(6)   NOT NULL COMMENT 'UTC',
    updated_at  DATETIME(6)   NOT NULL COMMENT 'UTC',
    UNIQUE KEY products_code (code),
    KEY products_name (name),
    KEY products_category (category, code),
    KEY products_updated (updated_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- One row for every committed change of products, numbered without gaps in
-- commit order: what the live view sends to browsers. Old rows are trimmed.
CREATE TABLE IF NOT EXISTS changes (
    revision   BIGINT      NOT NULL PRIMARY KEY,
    op         VARCHAR(10) CHARACTER SET ascii NOT NULL,
    product_id BIGINT      NOT NULL,
    product    JSON        NOT NULL COMMENT 'after the change; before it, for a delete',
    at         DATETIME(6) NOT NULL COMMENT 'UTC'
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- One row: the number of the newest change. Every writer updates it last and
-- so holds its lock until the commit; that is what puts changes into order.
CREATE TABLE IF NOT EXISTS revision (
    id    TINYINT NOT NULL PRIMARY KEY,
    value BIGINT  NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

INSERT IGNORE INTO revision (id, value) VALUES (1, 0);

-- +goose Down
DROP TABLE IF EXISTS revision;
DROP TABLE IF EXISTS changes;
DROP TABLE IF EXISTS products;
DROP TABLE IF EXISTS users;
