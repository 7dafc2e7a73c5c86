import { relations, sql } from 'drizzle-orm'
import { blob, integer, primaryKey, real, sqliteTable, sqliteView, text } from 'drizzle-orm/sqlite-core'

export const users = sqliteTable('users', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  name: text('name').notNull(),
  email: text('email').unique(),
  verified: integer('verified', { mode: 'boolean' }).notNull().default(false),
  tags: text('tags', { mode: 'json' }).$type<string[]>(),
  createdAt: integer('created_at', { mode: 'timestamp' }).notNull().default(sql`(strftime('%s', 'now'))`),
  touchedMs: integer('touched_ms', { mode: 'timestamp_ms' }),
  invitedBy: integer('invited_by'),
  role: text('role', { enum: ['admin', 'user'] })
    .notNull()
    .$default(() => 'user'),
  nickname: text('nickname').$onUpdate(() => 'renamed'),
  shout: text('shout').generatedAlwaysAs(sql`upper(name)`, { mode: 'virtual' }),
})
export const posts = sqliteTable('posts', {
  id: integer('id').primaryKey(),
  authorId: integer('author_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  title: text('title').notNull(),
  score: real('score'),
})
export const likes = sqliteTable(
  'likes',
  { userId: integer('user_id').notNull(), postId: integer('post_id').notNull() },
  (table) => [primaryKey({ columns: [table.userId, table.postId] })],
)
export const blobs = sqliteTable('blobs', {
  id: integer('id').primaryKey(),
  bytes: blob('bytes', { mode: 'buffer' }),
  json: blob('json', { mode: 'json' }).$type<{ a: number[] }>(),
  big: blob('big', { mode: 'bigint' }),
})
export const authors = sqliteView('authors').as((qb) =>
  qb
    .select({ id: users.id, posts: sql<number>`count(*)`.as('posts') })
    .from(users)
    .innerJoin(posts, sql`${posts.authorId} = ${users.id}`)
    .groupBy(users.id),
)
export const usersRelations = relations(users, ({ many, one }) => ({
  posts: many(posts),
  inviter: one(users, { fields: [users.invitedBy], references: [users.id] }),
}))
export const postsRelations = relations(posts, ({ one, many }) => ({
  author: one(users, { fields: [posts.authorId], references: [users.id] }),
  likes: many(likes),
}))
export const likesRelations = relations(likes, ({ one }) => ({
  post: one(posts, { fields: [likes.postId], references: [posts.id] }),
}))
export const schema = { users, posts, likes, blobs, usersRelations, postsRelations, likesRelations }

export const CREATE = [
  `CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, email TEXT UNIQUE,
    verified INTEGER NOT NULL DEFAULT 0, tags TEXT, created_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')),
    touched_ms INTEGER, invited_by INTEGER, role TEXT NOT NULL, nickname TEXT,
    shout TEXT GENERATED ALWAYS AS (upper(name)) VIRTUAL)`,
  `CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title TEXT NOT NULL, score REAL)`,
  'CREATE TABLE likes (user_id INTEGER NOT NULL, post_id INTEGER NOT NULL, PRIMARY KEY (user_id, post_id))',
  'CREATE TABLE blobs (id INTEGER PRIMARY KEY, bytes BLOB, json BLOB, big BLOB)',
  'CREATE VIEW authors AS SELECT u.id, count(*) AS posts FROM users u JOIN posts p ON p.author_id = u.id GROUP BY u.id',
]
