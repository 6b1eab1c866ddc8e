-- put_note: a note has learned something after the end of its release: that it was rolled back.
UPDATE workaday_releases SET note = :note WHERE release = :release;
