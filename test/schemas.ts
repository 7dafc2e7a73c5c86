/** A schema with every feature that a copy can get wrong. */
export const everything = [
  'CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL)',
  'CREATE TABLE children (id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES parents, next INTEGER REFERENCES children, "od""d na\'me" ANY)',
  'CREATE INDEX partial ON children (parent DESC) WHERE parent IS NOT NULL',
  'CREATE UNIQUE INDEX expression ON children (lower(hex("od""d na\'me")), id)',
  'CREATE TABLE strict_one (a INT, b TEXT COLLATE NOCASE, c INT GENERATED ALWAYS AS (a + 1) STORED, d TEXT AS (b || a), PRIMARY KEY (b DESC, a)) STRICT, WITHOUT ROWID',
  'CREATE TABLE types (v)',
  'CREATE TABLE "rowid" (rowid TEXT, "oid" TEXT, x)',
  'CREATE TABLE no_rowid_name (rowid, oid, _rowid_)',
  'CREATE VIEW joined AS SELECT p.name, c.id FROM parents p JOIN children c ON c.parent = p.id',
  "CREATE TRIGGER into_joined INSTEAD OF INSERT ON joined BEGIN INSERT INTO parents (name) VALUES (new.name || ';'); END",
  'CREATE TRIGGER counts AFTER INSERT ON parents BEGIN INSERT INTO types VALUES (new.id); END',
  "CREATE VIRTUAL TABLE own USING fts5(title, body, tokenize = 'porter')",
  "CREATE VIRTUAL TABLE external USING fts5(name, content='parents', content_rowid='id')",
  'CREATE VIRTUAL TABLE places USING rtree(id, x0, x1, +label TEXT)',
]

/** Rows for this schema, with values of every type. */
export const everyValue = [
  'PRAGMA defer_foreign_keys = ON',
  "INSERT INTO parents (id, name) VALUES (3, 'ä\u{1F600}'), (-9007199254740993, 'negative'), (9223372036854775807, '')",
  'INSERT INTO children (id, parent, next) VALUES (5, 3, 5), (100, NULL, 5)',
  'DELETE FROM children WHERE id = 100',
  "INSERT INTO strict_one (a, b) VALUES (1, 'b'), (-1, 'B2'), (9223372036854775806, 'z''z')",
  "INSERT INTO types VALUES (NULL), (1), (1.0), (0.1 + 0.2), (1e300), (-1e-300), (9e999), (-9e999), ('1'), (''), (x''), (x'00ff'), ('a' || char(0) || 'b'), (char(0)), (9007199254740993), (-9223372036854775808), (zeroblob(100)), ('line' || char(10) || '''quote''')",
  "INSERT INTO \"rowid\" VALUES ('a', 'b', 1), ('a', 'b', 2)",
  'INSERT INTO no_rowid_name VALUES (1, 2, 3), (1, 2, 3)',
  "INSERT INTO own (rowid, title, body) VALUES (7, 'Running', 'the runner runs'), (9, NULL, 'walks')",
  "INSERT INTO external (external) VALUES ('rebuild')",
  "INSERT INTO places VALUES (4, 0.5, 1.5, 'here'), (2, -1, 1, NULL)",
]
