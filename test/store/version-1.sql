-- The schema as version 1 published it. A database of that version is brought up to date from here; this file never changes.
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL CHECK (status IN ('queued', 'forking', 'triggered', 'running', 'retrying', 'needs_input', 'completed', 'failed', 'cancelled')),
  outcome TEXT,
  repo TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  procedure_version INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  branch TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  started_at TEXT,
  finished_at TEXT,
  question TEXT,
  request TEXT NOT NULL,
  result TEXT,
  CHECK ((status = 'queued' AND outcome IS NULL)
    OR (status = 'forking' AND outcome IS NULL)
    OR (status = 'triggered' AND outcome IS NULL)
    OR (status = 'running' AND outcome IS NULL)
    OR (status = 'retrying' AND outcome IS NULL)
    OR (status = 'needs_input' AND outcome IS NULL)
    OR (status = 'completed' AND outcome IS NOT NULL AND outcome IN ('pr_opened', 'pr_updated', 'proposed', 'no_change', 'answered'))
    OR (status = 'failed' AND outcome IS NOT NULL AND outcome IN ('gate_failed', 'gave_up', 'tampered', 'agent_failed', 'budget_exceeded', 'timed_out', 'setup_failed', 'refused', 'infra_failed'))
    OR (status = 'cancelled' AND outcome IS NOT NULL AND outcome IN ('cancelled')))
) STRICT;

CREATE INDEX jobs_by_time ON jobs (created_ms, number);

CREATE INDEX jobs_by_status ON jobs (status, created_ms, number);

CREATE INDEX jobs_by_repo ON jobs (repo, created_ms, number);

CREATE TABLE leases (
  job_number INTEGER PRIMARY KEY REFERENCES jobs (number),
  token INTEGER NOT NULL CHECK (token >= 0),
  owner TEXT,
  expires_ms INTEGER,
  CHECK ((owner IS NULL) = (expires_ms IS NULL))
) STRICT;

CREATE TABLE events (
  job_number INTEGER NOT NULL REFERENCES jobs (number),
  seq INTEGER NOT NULL CHECK (seq >= 1),
  type TEXT NOT NULL,
  phase TEXT,
  attempt INTEGER NOT NULL,
  time TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (job_number, seq)
) STRICT;

CREATE TABLE steps (
  job_number INTEGER NOT NULL REFERENCES jobs (number),
  key TEXT NOT NULL,
  position INTEGER NOT NULL,
  tries INTEGER NOT NULL CHECK (tries >= 1),
  procedure_version INTEGER NOT NULL,
  note TEXT NOT NULL,
  result TEXT CHECK (octet_length(result) <= 65536),
  PRIMARY KEY (job_number, key)
) STRICT;

CREATE TABLE messages (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  job_number INTEGER NOT NULL REFERENCES jobs (number),
  time TEXT NOT NULL,
  text TEXT NOT NULL,
  -- The key of the step that took it, which gets it again after a crash.
  taken_by TEXT
) STRICT;

CREATE UNIQUE INDEX messages_taken ON messages (job_number, taken_by) WHERE taken_by IS NOT NULL;

CREATE INDEX messages_waiting ON messages (job_number, number) WHERE taken_by IS NULL;

CREATE TABLE baselines (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  value TEXT NOT NULL
) STRICT;

PRAGMA application_id = 0x6167726e;
PRAGMA user_version = 1;
