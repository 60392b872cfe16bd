-- What the example needs in a database of its own: CREATE DATABASE shop; then run this file there as a superuser.
-- The server must have wal_level = logical (ALTER SYSTEM SET wal_level = logical; and a restart).
CREATE ROLE offtake LOGIN REPLICATION PASSWORD 'change-me';

CREATE TABLE customers (
    id integer PRIMARY KEY,
    name text NOT NULL,
    region text NOT NULL,
    birthday date
);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers,
    status text NOT NULL,
    total numeric(12,2) NOT NULL,
    labels text[] NOT NULL DEFAULT '{}'
);

INSERT INTO customers VALUES
    (1, 'Ada', 'north', '1990-12-10'), (2, 'Blaise', 'south', '1993-06-19'), (3, 'Carl', 'north', NULL);
INSERT INTO orders VALUES
    (10, 1, 'paid', 120.00, '{gift}'), (11, 2, 'placed', 40.50, '{}'), (12, 3, 'paid', 15.25, '{}'), (13, 2, 'cancelled', 99.00, '{}');

GRANT USAGE ON SCHEMA public TO offtake;
GRANT SELECT ON customers, orders TO offtake;

CREATE PUBLICATION shop FOR TABLE customers, orders;
