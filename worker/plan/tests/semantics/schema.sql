CREATE TABLE customers (
    id int PRIMARY KEY, name text NOT NULL, region varchar(10), credit numeric(10,2), vip bool, joined date, code char(4),
    score float8);
INSERT INTO customers VALUES
    (1, 'Ada', 'north', 100.50, true, '2024-01-15', 'A1', 1.5),
    (2, 'Bob', 'south', 20.00, false, '2024-02-29', 'B2', -0.25),
    (3, 'Cy', 'north', NULL, NULL, NULL, NULL, NULL),
    (4, 'Dörte', NULL, 0.00, true, '2023-12-31', 'A1  ', 'NaN'),
    (5, '', 'east', -7.25, false, '2024-01-15', '', 'Infinity');
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id int, placed timestamp NOT NULL, status text, total numeric(12,2), note text,
    discount float4, qty smallint, ref uuid);
INSERT INTO orders VALUES
    (10, 1, '2024-03-01 10:00:00', 'paid', 99.90, 'first%', 0.1, 3, '6f1ed002-ab59-4ad7-a2cf-7f0d1cf8f8a1'),
    (11, 1, '2024-03-01 23:59:59.999999', 'open', 0.10, NULL, 0, 1, NULL),
    (12, 2, '2024-03-02 00:00:00', 'paid', 20.00, 'a_b', NULL, 2, '00000000-0000-0000-0000-000000000001'),
    (13, 2, '2024-04-30 12:30:00', 'cancelled', NULL, 'A\B', 0.25, NULL, NULL),
    (14, NULL, '2025-01-01 00:00:00', NULL, 1234567890.12, '', -1.5, 7, NULL),
    (15, 9, '2024-03-02 08:00:00', 'paid', 20.00, 'x', 0.1, 2, NULL);
CREATE TABLE lines (order_id bigint, n int, product text NOT NULL, qty int NOT NULL, price numeric(8,3), PRIMARY KEY (order_id, n));
INSERT INTO lines VALUES
    (10, 1, 'nut', 3, 1.250), (10, 2, 'bolt', 10, 0.500), (11, 1, 'nut', 1, 1.250), (12, 1, 'gear', 2, 10.000),
    (12, 2, 'nut', 5, NULL), (13, 1, 'bolt', 100, 0.495), (15, 1, 'gear', 1, 9.999);
CREATE TABLE empty (a int, b text);
CREATE TABLE twice (a int, b text);
INSERT INTO twice VALUES (1, 'x'), (1, 'x'), (2, 'y'), (NULL, 'z'), (NULL, 'z');
CREATE TABLE numbers (n numeric, f float8, i int, l bigint, s smallint);
INSERT INTO numbers VALUES
    (1.0, 0.1, 1, 1, 1), (1.00, 1e20, 2147483647, 9223372036854775807, 32767), (-2.5, -0.0, -3, -10, -5),
    (NULL, NULL, NULL, NULL, NULL), (0.333, 2.5, 7, 3, 2);
CREATE TABLE kinds (t time, tz timestamptz, d date, ts timestamp, by bytea, j json, jb jsonb, u uuid);
INSERT INTO kinds VALUES
    ('12:34:56.789', '2024-05-06 07:08:09.5+02', '2024-05-06', '2024-05-06 07:08:09.5', '\xdeadbeef', '{"a": 1}', '{"a": 1}',
     '6f1ed002-ab59-4ad7-a2cf-7f0d1cf8f8a1'),
    ('00:00:00', '1999-12-31 23:59:59Z', '1999-12-31', '1999-12-31 23:59:59', '', '[]', '[]', NULL);
CREATE SCHEMA v2;
CREATE TABLE v2.orders (id int PRIMARY KEY, label text);
INSERT INTO v2.orders VALUES (1, 'one'), (10, 'ten');
CREATE TABLE "Quoted Table" ("Mixed Col" int, "select" text);
INSERT INTO "Quoted Table" VALUES (1, 'q'), (2, NULL);
