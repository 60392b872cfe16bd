-- One query a line. Expected answers are in golden.json, written by generate.py from PostgreSQL's.
SELECT 1
SELECT 1, 2.50, 'a', true, NULL, -5, 3000000000, -2147483648, 99999999999999999999, 1e3
SELECT id, name, region FROM customers
SELECT * FROM customers ORDER BY id
SELECT c.*, c.id FROM customers c ORDER BY 1
SELECT id, id FROM customers
SELECT count(*), count(*) FROM customers
SELECT name AS "Name", upper(region), length(name) len FROM customers
SELECT id::text, id::bigint, credit::int, name::varchar(2), 'x'::text, 1::int, 5::numeric(5,2) FROM customers
SELECT CAST(id AS numeric), date '2024-02-29', '2024-02-29'::date + 1, timestamp '2024-01-01 10:00' FROM customers WHERE id = 1
SELECT CASE WHEN vip THEN 'v' ELSE 'n' END FROM customers
SELECT CASE region WHEN 'north' THEN 1 WHEN 'south' THEN 2.5 END FROM customers
SELECT CASE WHEN id > 3 THEN 'big' ELSE name END FROM customers
SELECT coalesce(region, 'none'), coalesce(credit, 0), nullif(region, 'north'), greatest(id, 3), least(credit, 10) FROM customers
SELECT 7 / 2, -7 / 2, 7 % 3, -7 % 3, 7 / 2.0, 7.0 / 3, 2 ^ 10, 1.5 * 2, 10 - 2.25
SELECT i / 2, l % 3, n / 3, f * 2, s + i::bigint, -n, abs(i) FROM numbers WHERE i <> 2147483647
SELECT 1 / 0
SELECT i + 1 FROM numbers
SELECT s + 1 FROM numbers
SELECT l * 2 FROM numbers
SELECT n + f, i + n, s + l, i * f FROM numbers WHERE i = 7
SELECT round(n, 1), round(2.5), round(2.5::float8), trunc(-2.7), ceil(1.2), floor(-1.2), sign(n), mod(7, 3) FROM numbers WHERE i = 7
SELECT * FROM customers WHERE joined > '2024-01-01' ORDER BY id
SELECT id FROM customers WHERE '2024-01-01' < joined
SELECT id FROM customers WHERE joined BETWEEN '2024-01-01' AND '2024-02-01'
SELECT id FROM customers WHERE id NOT BETWEEN 2 AND 4
SELECT id FROM customers WHERE id IN (1, 3, 99)
SELECT id FROM customers WHERE region IN ('north', 'east')
SELECT id FROM customers WHERE region NOT IN ('north', NULL)
SELECT id FROM customers WHERE id IN (1.0, 2)
SELECT id FROM customers WHERE credit IN (20, 0)
SELECT id FROM customers WHERE (id, region) IN ((1, 'north'), (2, 'x'))
SELECT id FROM customers WHERE (id, region) = (1, 'north')
SELECT id FROM customers WHERE name LIKE 'D%te'
SELECT id FROM orders WHERE note LIKE 'a\_b' OR note LIKE 'first!%' ESCAPE '!'
SELECT id FROM orders WHERE note NOT LIKE '%b' AND note ILIKE 'A%'
SELECT id FROM orders WHERE note ILIKE 'a_B'
SELECT id FROM customers WHERE region IS NULL OR vip IS NOT TRUE
SELECT id, vip IS TRUE, vip IS FALSE, vip IS UNKNOWN, vip IS NOT FALSE, NOT vip FROM customers
SELECT id FROM customers WHERE region IS DISTINCT FROM 'north'
SELECT id FROM customers WHERE region IS NOT DISTINCT FROM NULL
SELECT id FROM customers WHERE vip
SELECT id FROM customers WHERE vip AND credit > 50 OR id = 2
SELECT id FROM customers WHERE code = 'A1'
SELECT id FROM customers WHERE code = 'A1   '
SELECT id FROM customers WHERE name > 'B'
SELECT id, score FROM customers WHERE score > 1
SELECT name || '-' || id, region || NULL FROM customers
SELECT substring(name FROM 2 FOR 2), substr(name, 1, 1), left(name, 2), right(name, 2), position('d' IN name), strpos(name, 'b') FROM customers
SELECT trim(both 'x' from 'xxaxx'), ltrim('  a'), rtrim('a  '), btrim(' a '), trim(leading from ' b'), replace('abcabc', 'b', '--'), reverse('abc'), repeat('ab', 2)
SELECT lpad('7', 3, '0'), rpad('7', 3), split_part('a,b,c', ',', 2), concat('a', NULL, 1), starts_with('abc', 'ab'), octet_length('ö'), char_length('ö')
SELECT extract(year FROM placed), extract(epoch FROM placed), date_part('month', placed), date_trunc('month', placed) FROM orders
SELECT extract(dow FROM joined), extract(doy FROM joined), extract(quarter FROM joined), extract(week FROM joined), joined - date '2024-01-01', joined + 1 FROM customers
SELECT placed::date, placed::time, placed::text FROM orders ORDER BY placed DESC LIMIT 2
SELECT placed::date AS d, placed::time AS t, placed::text AS x FROM orders ORDER BY placed DESC LIMIT 2
SELECT * FROM kinds
SELECT t, tz::date, d < ts, ts > '2000-01-01', by = '\xdeadbeef', u::text, tz FROM kinds
SELECT count(*), count(region), count(DISTINCT region), sum(id), avg(id), min(credit), max(name), sum(credit), avg(credit) FROM customers
SELECT count(*), sum(a), max(b), avg(a) FROM empty
SELECT a, count(*) FROM empty GROUP BY a
SELECT region, count(*) FROM customers GROUP BY region ORDER BY region
SELECT region r, count(*) c FROM customers GROUP BY r ORDER BY c DESC, r
SELECT region, count(*) FROM customers GROUP BY 1 ORDER BY 2, 1
SELECT upper(region), sum(credit) FROM customers GROUP BY upper(region)
SELECT upper(region) || '!' AS x, count(*) + 1 FROM customers GROUP BY upper(region) ORDER BY count(*), x
SELECT region FROM customers GROUP BY region HAVING count(*) > 1
SELECT region, count(*) FILTER (WHERE vip), sum(credit) FILTER (WHERE credit > 0) FROM customers GROUP BY region
SELECT sum(DISTINCT qty), count(DISTINCT status), avg(DISTINCT qty), max(DISTINCT total) FROM orders
SELECT status, sum(qty), sum(total), avg(qty), avg(total), sum(discount), avg(discount) FROM orders GROUP BY status
SELECT sum(l), sum(s), sum(n), avg(n), sum(f), avg(f) FROM numbers WHERE i <> 2147483647
SELECT sum(l), avg(l) FROM numbers
SELECT bool_and(vip), bool_or(vip), every(vip) FROM customers
SELECT min(joined), max(joined), min(code), max(score), min(score) FROM customers
SELECT min(region), max(placed) FROM customers c JOIN orders o ON o.customer_id = c.id
SELECT 1 FROM customers HAVING count(*) > 2
SELECT 1 AS one FROM customers HAVING true
SELECT count(*) FROM customers WHERE id > 100
SELECT max(id) + 1, count(*) * 2 FROM customers
SELECT DISTINCT region FROM customers
SELECT DISTINCT region, vip FROM customers ORDER BY region, vip
SELECT DISTINCT ON (region) region FROM customers
SELECT DISTINCT a, b FROM twice
SELECT * FROM twice
SELECT DISTINCT count(*) FROM twice GROUP BY a
SELECT c.name, o.id, o.total FROM customers c JOIN orders o ON o.customer_id = c.id ORDER BY o.id
SELECT c.name, o.id FROM customers c, orders o WHERE o.customer_id = c.id AND o.total > 10
SELECT c.name, l.product, l.qty * l.price AS amount FROM customers c JOIN orders o ON c.id = o.customer_id JOIN lines l ON l.order_id = o.id ORDER BY o.id, l.n
SELECT c.region, sum(l.qty * l.price) FROM lines l JOIN orders o ON o.id = l.order_id JOIN customers c ON c.id = o.customer_id WHERE o.status = 'paid' GROUP BY c.region
SELECT count(*) FROM customers, lines
SELECT a.id, b.id FROM customers a JOIN customers b ON a.region = b.region AND a.id < b.id
SELECT a.id, b.id FROM customers a JOIN customers b ON a.code = b.code
SELECT * FROM orders JOIN v2.orders v USING (id)
SELECT id, label, status FROM orders o NATURAL JOIN v2.orders w
SELECT n.n, m.n FROM numbers n JOIN numbers m ON n.n = m.n
SELECT n.i FROM numbers n JOIN customers c ON n.n = c.id
SELECT x.a, y.a FROM twice x JOIN twice y ON x.a = y.a
SELECT x.a, y.a FROM twice x JOIN twice y ON x.a IS NOT DISTINCT FROM y.a WHERE x.b = 'z'
SELECT s.r, s.n FROM (SELECT region AS r, count(*) AS n FROM customers GROUP BY region) s WHERE s.n > 1
SELECT s.r FROM (SELECT region AS r, count(*) AS n FROM customers GROUP BY region) s WHERE s.r = 'north'
SELECT t.x + 1 FROM (SELECT id + 1 AS x FROM customers) AS t (x) WHERE t.x > 4
SELECT z.p, z.q FROM (VALUES (1, 'a'), (2, NULL), (NULL, 'c')) AS z (p, q) ORDER BY p NULLS FIRST
VALUES (1, 'a'), (2.5, 'b')
SELECT * FROM (VALUES ('1'), (2)) v
WITH big AS (SELECT * FROM orders WHERE total > 10), per AS (SELECT customer_id, count(*) AS n FROM big GROUP BY customer_id) SELECT c.name, per.n FROM per JOIN customers c ON c.id = per.customer_id
WITH a AS (SELECT id FROM customers), b AS (SELECT a.id AS x, c.id AS y FROM a JOIN a AS c ON a.id = c.id + 1) SELECT * FROM b
WITH t(k, v) AS (SELECT id, name FROM customers) SELECT k, v FROM t WHERE k < 3
SELECT id FROM customers UNION ALL SELECT id FROM orders
SELECT region FROM customers UNION SELECT status FROM orders
SELECT 1 UNION SELECT 1.0 UNION ALL SELECT 2
SELECT id, 'c' FROM customers WHERE id = 1 UNION ALL SELECT id, status FROM orders WHERE id = 10
SELECT NULL UNION ALL SELECT 1
SELECT '1' UNION ALL SELECT 2
SELECT credit FROM customers UNION ALL SELECT total FROM orders
SELECT id AS k FROM customers UNION SELECT 7 ORDER BY k DESC LIMIT 3
(SELECT id FROM customers) UNION ALL (SELECT 5) ORDER BY 1
SELECT id FROM customers ORDER BY credit
SELECT id FROM customers ORDER BY credit DESC
SELECT id FROM customers ORDER BY credit DESC NULLS LAST, id
SELECT id, -id AS id2 FROM customers ORDER BY id2
SELECT -id AS id FROM customers ORDER BY id
SELECT -id AS id FROM customers ORDER BY id + 0 LIMIT 2
SELECT name FROM customers ORDER BY length(name), name LIMIT 2 OFFSET 1
SELECT id FROM customers ORDER BY id OFFSET 3
SELECT id FROM customers ORDER BY id FETCH FIRST 2 ROWS ONLY
SELECT id FROM customers ORDER BY id LIMIT ALL
SELECT id FROM customers LIMIT 0
SELECT id FROM customers ORDER BY id LIMIT 1 + 1
SELECT id FROM customers ORDER BY id LIMIT -1
SELECT c.id, c.name, count(o.id) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY c.id
SELECT "Mixed Col", "select" FROM "Quoted Table" ORDER BY "Mixed Col"
SELECT ID, NAME FROM Customers WHERE Id = 1
SELECT orders.id FROM orders WHERE orders.id = 10
SELECT public.orders.id FROM public.orders WHERE public.orders.id = 10
SELECT v2.orders.label FROM v2.orders
SELECT a.id, b.label FROM public.orders a JOIN v2.orders b ON a.id = b.id
TABLE empty
SELECT i FROM numbers WHERE f = 0
SELECT f, count(*) FROM numbers WHERE f = 0 GROUP BY f
SELECT 10 - 4 - 3, 2 + 3 * 4, (2 + 3) * 4, -2 ^ 2, NOT true OR true, 2 ^ 3 ^ 2, - - 3, 1 - -1
SELECT 'a' 'b' IS NULL
SELECT 'it''s', E'tab\tx', $$dollar$$, $q$q'q$q$
SELECT true AND NULL, false AND NULL, true OR NULL, NULL = NULL, NULL IS NULL
SELECT 1 = 1.0, '1' = 1, 'a' < 'b', 2 > 1.5::float8
SELECT 0.1::float8 + 0.2::float8, 1::float4 / 3, 1e10::float8, 'NaN'::float8 = 'NaN'::float8, 100000000000000000000::float8
SELECT lower('AB'), upper('x')
SELECT initcap('x')
SELECT '12'::int + 1, 'abc'::int
SELECT '2024-13-01'::date
SELECT true::int, 0::bool, 't'::bool, 'yes'::boolean
SELECT id + 'x' FROM customers
SELECT id + true FROM customers
SELECT nosuch FROM customers
SELECT customers.nosuch FROM customers
SELECT x.id FROM customers
SELECT * FROM nosuch
SELECT * FROM nosuch.orders
SELECT id FROM customers, orders
SELECT name FROM customers GROUP BY region
SELECT region, count(*) FROM customers
SELECT count(*) FROM customers WHERE count(*) > 1
SELECT sum(count(*)) FROM customers
SELECT nofunc(id) FROM customers
SELECT abs(name) FROM customers
SELECT id FROM customers WHERE id
SELECT id FROM customers WHERE name = 1
SELECT CASE WHEN id THEN 1 END FROM customers
SELECT coalesce(id, name) FROM customers
SELECT id FROM customers UNION SELECT name FROM customers
SELECT id, name FROM customers UNION SELECT id FROM customers
SELECT id FROM customers ORDER BY 2
SELECT id FROM customers ORDER BY nosuch
SELECT DISTINCT name FROM customers ORDER BY id
SELECT id FROM customers GROUP BY 3
SELECT * FROM customers c JOIN orders c ON true
SELECT id FROM (SELECT 1 AS id)
SELECT FROM customers WHERE
SELECT 1 +
SELECT 'abc
SELECT id FROM customers WHERE
SELEC 1
SELECT id::nosuchtype FROM customers
SELECT j = j FROM kinds
SELECT DISTINCT j FROM kinds
SELECT (SELECT 1)
SELECT sum(name) FROM customers
SELECT avg('x')
SELECT max(vip) FROM customers
SELECT NOT 1 = 2, 1 + 2 || 'x', 2 * 3 % 4, 5 % 3 * 2, 2 ^ 3 * 2, - 2 + 3, NOT false = false, '1' || 2 + 3
SELECT 'a' || 'b' = 'ab', 1 - 2 IS DISTINCT FROM -1, NOT true IS NULL, 3 BETWEEN 1 AND 5 AND true, 1 < 2 AND 2 < 3 OR false
SELECT 1 IS NULL = false, 1 = 2 IS NULL, NOT 3 BETWEEN 1 AND 2, 'a' LIKE 'a' AND NOT 'b' LIKE 'a', 1 IN (1, 2) AND true
SELECT 5 & 3, 1 | 2 # 3, 1 << 2 + 1, ~ 5, 5 & 3 = 1, @ -5, |/ 16.0, -5 % 3, - 5 / 2, -1 * -1, 2 - -2 ^ 2
SELECT -1::text
SELECT (-1)::text, -'1'::int, - id FROM customers WHERE NOT id <> 1
SELECT 1 WHERE 1 NOT IN (2, 3) AND 2 NOT BETWEEN 3 AND 4 AND 'x' NOT LIKE 'y'
SELECT id FROM customers WHERE NOT (region = 'north' OR vip) ORDER BY id
SELECT id FROM orders WHERE placed >= '2024-03-02' AND placed < date '2024-03-02' + 1
SELECT id FROM orders WHERE placed::date = '2024-03-01' AND extract(hour FROM placed) > 9
SELECT id FROM orders WHERE total = 20 AND qty = 2.0 AND discount IS NULL
SELECT id FROM orders WHERE discount = 0.1
SELECT id FROM orders WHERE discount = 0.1::float4
SELECT id FROM orders WHERE ref = '6F1ED002-AB59-4AD7-A2CF-7F0D1CF8F8A1'
SELECT id FROM orders WHERE id = '10'
SELECT id FROM orders WHERE id = 'x'
SELECT total / 3, total * 1.10, round(total * 0.21, 2), total::float8, (total * 100)::bigint FROM orders WHERE id IN (10, 11, 12)
SELECT sum(total) / count(*), avg(total)::numeric(10,2), round(avg(qty), 2), sum(qty) * 1.0 / count(qty) FROM orders
SELECT customer_id, status, count(*) FROM orders GROUP BY customer_id, status HAVING sum(total) >= 20 ORDER BY 1, 2
SELECT date_trunc('month', placed)::date AS month, sum(total) FROM orders WHERE status IS NOT NULL GROUP BY 1 ORDER BY 1
SELECT extract(month FROM placed) AS m, count(*) FROM orders GROUP BY m ORDER BY m
SELECT CASE WHEN total > 50 THEN 'big' WHEN total IS NULL THEN 'none' ELSE 'small' END AS size, count(*) FROM orders GROUP BY size
SELECT region, vip, count(*) AS n FROM customers GROUP BY region, vip HAVING count(*) = 1 AND region = 'north'
SELECT a + 1 AS x, sum(a) FROM twice GROUP BY a + 1 HAVING a + 1 > 1
SELECT a AS b, count(*) FROM twice GROUP BY b ORDER BY b
SELECT count(DISTINCT (a)), count(DISTINCT b), count(ALL a) FROM twice
SELECT sum(a) FILTER (WHERE b = 'x') + 1, count(*) FILTER (WHERE a IS NULL) FROM twice
SELECT max(a + 1), min(-a), sum(a * a), sum(CASE WHEN a > 1 THEN 1 ELSE 0 END) FROM twice
SELECT 'total' AS label, count(*) FROM orders UNION ALL SELECT status, count(*) FROM orders GROUP BY status
SELECT n, sum(i) FROM numbers WHERE i < 100 GROUP BY n HAVING n IS NOT NULL AND n <> 1
SELECT t.a, u.id FROM (SELECT a, count(*) AS n FROM twice GROUP BY a) t JOIN customers u ON u.id = t.n
SELECT o.id FROM orders o JOIN (SELECT customer_id FROM orders GROUP BY customer_id HAVING count(*) > 1) m ON m.customer_id = o.customer_id WHERE o.id > 10
SELECT c.id FROM customers c JOIN orders o ON c.id = o.customer_id AND o.total > c.credit
SELECT c.id, o.id FROM customers c JOIN orders o ON c.id <> o.customer_id AND c.vip WHERE o.status = 'open'
SELECT count(*) FROM customers a CROSS JOIN customers b CROSS JOIN customers c WHERE a.id + b.id = c.id
SELECT a.id FROM customers a JOIN (orders b JOIN lines d ON b.id = d.order_id) ON a.id = b.customer_id WHERE d.product = 'gear'
SELECT j.id, j.label FROM (orders o JOIN v2.orders w USING (id)) AS j
SELECT x.id, y.id FROM customers x, customers y WHERE x.id = y.id AND y.id = 2
SELECT s.c FROM (SELECT c.id * 2 AS c FROM customers c JOIN orders o ON o.customer_id = c.id) s JOIN customers k ON k.id = s.c
SELECT u.k, count(*) FROM (SELECT id AS k FROM customers UNION ALL SELECT customer_id FROM orders) u WHERE u.k > 1 GROUP BY u.k
SELECT d.a FROM (SELECT DISTINCT a, b FROM twice) d WHERE d.b <> 'z'
SELECT count(*) FROM (SELECT DISTINCT b FROM twice) d
SELECT s.one FROM (SELECT 1 AS one) s JOIN customers ON true
SELECT 'x' AS k, y.v FROM (SELECT 'a' AS v UNION SELECT 'b') y WHERE y.v > 'a'
SELECT id FROM customers WHERE false
SELECT count(*) FROM customers WHERE NULL
SELECT region, count(*) FROM customers WHERE false GROUP BY region
SELECT id FROM customers WHERE 1 = 1 AND id < 2
SELECT concat(id, ':', name), id || ':' || credit, credit::text FROM customers
SELECT id FROM customers WHERE joined IN ('2024-01-15', '2023-12-31') ORDER BY joined DESC, id DESC
SELECT greatest(1, 2.5, 2), least('b', 'a'), greatest(NULL, 1), coalesce(NULL, NULL, 'x'), nullif(1, 1), nullif('a', 'b')
SELECT greatest(joined, '2024-01-31'), coalesce(vip, false) FROM customers
SELECT 9223372036854775807 + 0, 9223372036854775808, -9223372036854775808, 2147483647 + 1
SELECT 1::smallint + 1::smallint, 1.0::real, 1e400::float8
SELECT .5 + 1., 1.e2, 0.10 * 3
SELECT id FROM customers LIMIT NULL OFFSET 0
SELECT count(*) AS "count(*)", sum(id) "Sum Of" FROM customers
SELECT abs(-1) abs, (1), ((SELECT 1))
SELECT current_date - current_date
SELECT current_database() IS NOT NULL, pg_backend_pid() > 0, current_schema() IS NULL
SELECT id FROM customers WHERE vip IS DISTINCT FROM true AND id > 2
SELECT id FROM customers WHERE vip IS NOT DISTINCT FROM true OR id = 2
SELECT id FROM customers WHERE id > 1 AND vip IS DISTINCT FROM id > 3 AND region IS NOT DISTINCT FROM 'north' || ''
SELECT NOT 1 IS DISTINCT FROM 2, 1 IS DISTINCT FROM 2 AND false, (1 IS DISTINCT FROM NULL) IS NULL, 1 IS NULL IS DISTINCT FROM true
SELECT 1 IS DISTINCT FROM 2 IS NULL
SELECT 1 IS DISTINCT FROM 2 NOTNULL
SELECT 1 IS DISTINCT FROM 2 IS DISTINCT FROM 3
SELECT CASE WHEN 1 IS DISTINCT FROM 2 THEN 3 END, coalesce(1 IS NOT DISTINCT FROM 1, false), count(*) FILTER (WHERE a IS DISTINCT FROM 1 AND b = 'y') FROM twice
SELECT @ -5 + 3, ~ 1 + 2, |/ 9 + 16, ||/ 0 + 8, - @ 5 + 3, 2 * @ -5 + 3, @ -5 + 3 = 2, @ -7 | 8, ~ ~ 1 + 2, @ -2 ^ 2, NOT ~ 1 = -2
SELECT id, @ id - 3, ~ id * 2, @ credit + 1 FROM customers
SELECT id FROM customers WHERE id>-1 AND id>=-1 AND id<>-1 AND id<-1+4 AND id>+0 AND -id<=-1 AND id<=+3
SELECT 8>>+1, 8<<-(-1), 3>- -1, 3<>-+3, 3>=-+-3, 1.5>-1.5, 1>=-id FROM customers WHERE id<>+2
SELECT 1 >!- 1
SELECT 3 <<@- 1
SELECT id ISNULL, region NOTNULL, (vip) ISNULL, NULL NOTNULL, 1 ISNULL AS isnull, 'x' NOTNULL AS notnull, true ISNULL x, id NOTNULL = true FROM customers
SELECT x.isnull FROM (SELECT 1 AS isnull) x
SELECT x.isnull NOTNULL FROM (SELECT 1 AS isnull) x
SELECT id FROM customers WHERE region ISNULL OR vip NOTNULL AND credit NOTNULL
SELECT count(*), region ISNULL FROM customers GROUP BY region ISNULL HAVING region ISNULL NOTNULL
SELECT 1 "isnull", 2 AS "notnull"
SELECT isnull(1)
SELECT 'a' 'b'
SELECT 1 AS 'x'
SELECT 1 'x'
SELECT c.id FROM customers 'c'
SELECT c.id FROM customers AS 'c'
SELECT x FROM (SELECT 1) AS t ('x')
SELECT id, region FROM customers ORDER BY (2) NULLS FIRST, ((1)) DESC
SELECT id, -id AS id2 FROM customers ORDER BY (id2)
SELECT -id AS id FROM customers ORDER BY (id)
SELECT -id AS id FROM customers ORDER BY (id) + 0
SELECT id FROM customers UNION SELECT 10 ORDER BY (1) DESC
SELECT id FROM customers UNION SELECT 10 ORDER BY ((id)) DESC
SELECT region AS r, count(*) FROM customers GROUP BY (1) ORDER BY (1)
SELECT region AS r, count(*) FROM customers GROUP BY (r) ORDER BY ((2)), (r)
SELECT id FROM customers ORDER BY (2)
SELECT id FROM customers ORDER BY ('x')
SELECT id FROM customers ORDER BY -1
SELECT id FROM customers ORDER BY (-1)
SELECT id FROM customers ORDER BY - (1)
SELECT id FROM customers ORDER BY -1.5
SELECT id FROM customers ORDER BY +1
SELECT count(*) FROM customers GROUP BY -1
SELECT id FROM customers UNION SELECT 1 ORDER BY -1
SELECT sum(DISTINCT total), avg(DISTINCT total), count(DISTINCT total) FROM orders
SELECT sum(DISTINCT total) FROM orders WHERE total = 20 OR total IS NULL
SELECT sum(DISTINCT price), max(DISTINCT price), count(DISTINCT code) FROM lines, customers
SELECT i, v FROM (SELECT 20 AS i) a JOIN (SELECT 20.00 AS i, 'v' AS v) b USING (i)
SELECT i, v FROM (SELECT 20.00 AS i) a JOIN (SELECT 20 AS i, 'v' AS v) b USING (i)
SELECT i FROM (SELECT 20 AS i) a JOIN (SELECT total AS i FROM orders) b USING (i)
SELECT i FROM (SELECT total AS i FROM orders) a NATURAL JOIN (SELECT 20.0000 AS i) b
SELECT i FROM (SELECT 20 AS i) a JOIN (SELECT 20::bigint AS i) b USING (i) JOIN (SELECT 20.0 AS i) c USING (i)
SELECT k FROM (SELECT 'A1'::varchar AS k) a JOIN (SELECT code AS k FROM customers) b USING (k)
SELECT k FROM (SELECT code AS k FROM customers) a JOIN (SELECT 'A1  '::bpchar AS k) b USING (k)
SELECT coalesce(total, 0), count(*) FROM orders GROUP BY 1
SELECT total * 2, count(*) FROM orders WHERE total = 20 GROUP BY total * 2
SELECT DISTINCT total * 10 FROM orders
SELECT DISTINCT customer_id, total * 10 AS t, status FROM orders WHERE status = 'paid'
SELECT sum(total) FROM orders UNION SELECT 120.00
SELECT credit * 1.0, 1.0 FROM customers UNION SELECT 0.50, 2.00
SELECT n, count(*) FROM numbers WHERE n < 1 GROUP BY n
SELECT t.s, count(*) FROM (SELECT sum(total) AS s FROM orders GROUP BY id) t GROUP BY t.s HAVING t.s::text LIKE '%.00'
SELECT t.s FROM (SELECT DISTINCT total * 1.0 AS s FROM orders) t WHERE t.s = 20
SELECT t.s, c.id FROM (SELECT total * 1.0 AS s FROM orders GROUP BY 1) t JOIN customers c ON c.credit = t.s
SELECT count(*) FROM (SELECT DISTINCT total * 1.0, f FROM orders, numbers) t
SELECT f, count(*) FROM numbers WHERE f = 0 GROUP BY f
SELECT DISTINCT f, f::text FROM numbers WHERE f = 0
SELECT DISTINCT (f * 1)::real FROM numbers WHERE f = 0 UNION SELECT f::real FROM numbers WHERE f > 1
SELECT code::bpchar AS c, count(*) FROM customers GROUP BY c
SELECT DISTINCT code::bpchar, 2.50 FROM customers WHERE id = 1
SELECT 1.50, count(*) FROM customers GROUP BY 1
SELECT total + 0.000 AS x FROM orders GROUP BY x ORDER BY x DESC NULLS LAST LIMIT 2
SELECT -f AS g, count(*) FROM numbers WHERE f = 0 GROUP BY g
SELECT DISTINCT -f, i FROM numbers WHERE f = 0
