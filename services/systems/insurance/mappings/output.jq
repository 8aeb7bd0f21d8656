# infcode comes as a number or as text; anything but 0 is a refusal, whatever HTTP said.
if (.infcode | tostring) == "0" then (.output // {}) else error("insurance: " + (.err_msg // "refused")) end
