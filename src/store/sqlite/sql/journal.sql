-- SPDX-License-Identifier: MIT
-- The rows of the ledger, and of what is beside a journal, as rows.sql has the others.

-- ---- asset ----

-- name: get_asset
-- params: scope name
-- row: asset
SELECT scope, name, scale, sum
  FROM pawl.asset
 WHERE scope = :scope AND name = :name;

-- name: put_asset
-- params: scope name scale sum
-- row: asset
INSERT INTO pawl.asset (scope, name, scale, sum)
VALUES (:scope, :name, :scale, :sum)
    ON CONFLICT (scope, name) DO UPDATE
   SET scale = excluded.scale, sum = excluded.sum;

-- name: remove_asset
-- params: scope name
-- row: asset
DELETE FROM pawl.asset WHERE scope = :scope AND name = :name;

-- name: all_assets
-- params:
-- row: asset
SELECT scope, name, scale, sum
  FROM pawl.asset;

-- ---- account ----

-- name: get_account
-- params: scope account asset
-- row: account
SELECT scope, account, asset, balance, entries, seq, update_seq, sum
  FROM pawl.account
 WHERE scope = :scope AND account = :account AND asset = :asset;

-- name: put_account
-- params: scope account asset balance entries seq update_seq sum
-- row: account
INSERT INTO pawl.account (scope, account, asset, balance, entries, seq, update_seq, sum)
VALUES (:scope, :account, :asset, :balance, :entries, :seq, :update_seq, :sum)
    ON CONFLICT (scope, account, asset) DO UPDATE
   SET balance = excluded.balance, entries = excluded.entries, seq = excluded.seq, update_seq = excluded.update_seq, sum = excluded.sum;

-- name: remove_account
-- params: scope account asset
-- row: account
DELETE FROM pawl.account WHERE scope = :scope AND account = :account AND asset = :asset;

-- name: all_accounts
-- params:
-- row: account
SELECT scope, account, asset, balance, entries, seq, update_seq, sum
  FROM pawl.account;

-- ---- fill ----

-- name: get_fill
-- params: scope trade
-- row: fill
SELECT scope, trade, seq, event, market, buyer, seller, price, size, fee, profit, sum
  FROM pawl.fill
 WHERE scope = :scope AND trade = :trade;

-- name: put_fill
-- params: scope trade seq event market buyer seller price size fee profit sum
-- row: fill
INSERT INTO pawl.fill (scope, trade, seq, event, market, buyer, seller, price, size, fee, profit, sum)
VALUES (:scope, :trade, :seq, :event, :market, :buyer, :seller, :price, :size, :fee, :profit, :sum)
    ON CONFLICT (scope, trade) DO UPDATE
   SET seq = excluded.seq, event = excluded.event, market = excluded.market, buyer = excluded.buyer, seller = excluded.seller, price = excluded.price, size = excluded.size, fee = excluded.fee, profit = excluded.profit, sum = excluded.sum;

-- name: remove_fill
-- params: scope trade
-- row: fill
DELETE FROM pawl.fill WHERE scope = :scope AND trade = :trade;

-- name: all_fills
-- params:
-- row: fill
SELECT scope, trade, seq, event, market, buyer, seller, price, size, fee, profit, sum
  FROM pawl.fill;

-- ---- projection ----

-- name: get_projection
-- params: scope name key
-- row: projection
SELECT scope, name, key, content_type, data, version, seq, sum
  FROM pawl.projection
 WHERE scope = :scope AND name = :name AND key = :key;

-- name: put_projection
-- params: scope name key content_type data version seq sum
-- row: projection
INSERT INTO pawl.projection (scope, name, key, content_type, data, version, seq, sum)
VALUES (:scope, :name, :key, :content_type, :data, :version, :seq, :sum)
    ON CONFLICT (scope, name, key) DO UPDATE
   SET content_type = excluded.content_type, data = excluded.data, version = excluded.version, seq = excluded.seq, sum = excluded.sum;

-- name: remove_projection
-- params: scope name key
-- row: projection
DELETE FROM pawl.projection WHERE scope = :scope AND name = :name AND key = :key;

-- name: all_projections
-- params:
-- row: projection
SELECT scope, name, key, content_type, data, version, seq, sum
  FROM pawl.projection;

-- ---- counter ----

-- name: get_counter
-- params: scope name
-- row: counter
SELECT scope, name, value, seq, sum
  FROM pawl.counter
 WHERE scope = :scope AND name = :name;

-- name: put_counter
-- params: scope name value seq sum
-- row: counter
INSERT INTO pawl.counter (scope, name, value, seq, sum)
VALUES (:scope, :name, :value, :seq, :sum)
    ON CONFLICT (scope, name) DO UPDATE
   SET value = excluded.value, seq = excluded.seq, sum = excluded.sum;

-- name: remove_counter
-- params: scope name
-- row: counter
DELETE FROM pawl.counter WHERE scope = :scope AND name = :name;

-- name: all_counters
-- params:
-- row: counter
SELECT scope, name, value, seq, sum
  FROM pawl.counter;

-- ---- entry ----

-- name: get_entry
-- params: scope seq post
-- row: entry
SELECT scope, seq, post, account, asset, delta, balance, reason, reference, update_seq, sum
  FROM pawl.entry
 WHERE scope = :scope AND seq = :seq AND post = :post;

-- name: add_entry
-- params: scope seq post account asset delta balance reason reference update_seq sum
-- row: entry
-- rows: 8 32
INSERT OR FAIL INTO pawl.entry (scope, seq, post, account, asset, delta, balance, reason, reference, update_seq, sum)
VALUES (:scope, :seq, :post, :account, :asset, :delta, :balance, :reason, :reference, :update_seq, :sum);

-- name: all_entries
-- params:
-- row: entry
SELECT scope, seq, post, account, asset, delta, balance, reason, reference, update_seq, sum
  FROM pawl.entry;

-- ---- type ----

-- name: get_type
-- params: scope name
-- row: type
SELECT scope, name, needs, keep, critical, sum FROM pawl.type WHERE scope = :scope AND name = :name;

-- name: put_type
-- params: scope name needs keep critical sum
-- row: type
INSERT INTO pawl.type (scope, name, needs, keep, critical, sum)
VALUES (:scope, :name, :needs, :keep, :critical, :sum)
    ON CONFLICT (scope, name) DO UPDATE
   SET needs = excluded.needs, keep = excluded.keep, critical = excluded.critical, sum = excluded.sum;

-- name: all_types
-- params:
-- row: type
SELECT scope, name, needs, keep, critical, sum FROM pawl.type;

-- ---- snapshot ----

-- name: get_snapshot
-- params: scope seq
-- row: snapshot
SELECT scope, seq, record, hash, size, made, sum FROM pawl.snapshot WHERE scope = :scope AND seq = :seq;

-- name: put_snapshot
-- params: scope seq record hash size made sum
-- row: snapshot
INSERT INTO pawl.snapshot (scope, seq, record, hash, size, made, sum)
VALUES (:scope, :seq, :record, :hash, :size, :made, :sum)
    ON CONFLICT (scope, seq) DO UPDATE
   SET record = excluded.record, hash = excluded.hash, size = excluded.size, made = excluded.made, sum = excluded.sum;

-- name: remove_snapshot
-- params: scope seq
-- row: snapshot
DELETE FROM pawl.snapshot WHERE scope = :scope AND seq = :seq;

-- name: all_snapshots
-- params:
-- row: snapshot
SELECT scope, seq, record, hash, size, made, sum FROM pawl.snapshot;

-- ---- chunk ----

-- name: get_chunk
-- params: scope seq piece
-- row: chunk
SELECT scope, seq, piece, data, sum FROM pawl.chunk WHERE scope = :scope AND seq = :seq AND piece = :piece;

-- name: put_chunk
-- params: scope seq piece data sum
-- row: chunk
INSERT INTO pawl.chunk (scope, seq, piece, data, sum)
VALUES (:scope, :seq, :piece, :data, :sum)
    ON CONFLICT (scope, seq, piece) DO UPDATE
   SET data = excluded.data, sum = excluded.sum;

-- name: remove_chunk
-- params: scope seq piece
-- row: chunk
DELETE FROM pawl.chunk WHERE scope = :scope AND seq = :seq AND piece = :piece;

-- name: all_chunks
-- params:
-- row: chunk
SELECT scope, seq, piece, data, sum FROM pawl.chunk;

-- ---- subscription ----

-- name: get_subscription
-- params: scope name
-- row: subscription
SELECT scope, name, topic, prefix, lane, target, seq, event, sum FROM pawl.subscription WHERE scope = :scope AND name = :name;

-- name: put_subscription
-- params: scope name topic prefix lane target seq event sum
-- row: subscription
INSERT INTO pawl.subscription (scope, name, topic, prefix, lane, target, seq, event, sum)
VALUES (:scope, :name, :topic, :prefix, :lane, :target, :seq, :event, :sum)
    ON CONFLICT (scope, name) DO UPDATE
   SET topic = excluded.topic, prefix = excluded.prefix, lane = excluded.lane, target = excluded.target, seq = excluded.seq, event = excluded.event, sum = excluded.sum;

-- name: remove_subscription
-- params: scope name
-- row: subscription
DELETE FROM pawl.subscription WHERE scope = :scope AND name = :name;

-- name: all_subscriptions
-- params:
-- row: subscription
SELECT scope, name, topic, prefix, lane, target, seq, event, sum FROM pawl.subscription ORDER BY scope, name;
