-- unmute_error: it is heard of again.
DELETE FROM workaday_mutes WHERE fingerprint = :fingerprint;
