(.meta.source | ltrimstr("urn:system:") | split("#")) as [$sender, $message]
| (now | strftime("%Y%m%d%H%M%S")) as $time
| {
    id: (($time + ($message | gsub("-"; "")) + "00000000000000000000000000000000")[0:32]),
    time: (now + 28800 | strftime("%Y%m%d%H%M%S")),
    receiver: $sender,
    target: $message
  }
