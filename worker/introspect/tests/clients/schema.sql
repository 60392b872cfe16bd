-- What the queries are about. Everything belongs to the role offtake, and everybody may only read, as in Offtake.
CREATE SCHEMA v1;
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, region varchar(20) NOT NULL, since date, score double precision, uid uuid, prefs jsonb, created timestamptz NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL, total numeric(12,2) NOT NULL, code char(3), tags text[], note text);
CREATE TABLE order_lines (order_id bigint NOT NULL, line_no smallint NOT NULL, product text NOT NULL, weight real, PRIMARY KEY (order_id, line_no));
CREATE TABLE "Mixed Case" ("Id" int PRIMARY KEY, "Some Value" text);
CREATE TABLE v1.orders (id bigint PRIMARY KEY, status text);
CREATE VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id;
