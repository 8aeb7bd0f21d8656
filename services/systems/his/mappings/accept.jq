# ResultCode 0 is the only success this HIS knows; its message is for people.
if .ResultCode == "0" then . else error("HIS: " + (.ResultMsg // "refused")) end
