-- JSON: the mail addresses of those who are told what happens.
ALTER TABLE roles ADD COLUMN owners TEXT NOT NULL DEFAULT '[]';
ALTER TABLE certificate_authorities ADD COLUMN owners TEXT NOT NULL DEFAULT '[]';
