-- 0004_access, undone: users, tokens and sessions are lost; everybody is logged out.
DROP TABLE workaday_links;
DROP TABLE workaday_sessions;
DROP TABLE workaday_tokens;
DROP TABLE workaday_users;
