-- prove_backup: keeps what a restore of this file in a scratch place proved.
UPDATE workaday_backups SET proved_at = :now, proof = :proof WHERE sha256 = :sha256;
