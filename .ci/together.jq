# When they were all in one game: the time, in microseconds, of the line after which so many ($count)
# nodes name the same host and have each other, and nobody else, in their rosters. Reads the lines of
# all of them, slurped. Nothing: it did not happen.
reduce (sort_by(.t_us)[]) as $line ({};
  if .at then .
  else
    (if $line.event == "host" then .seats[$line.node].host = $line.host
     elif $line.event == "roster" then
       .seats[$line.node].members = [$line.members[] | select(.away | not) | .id]
     else . end)
    | (.seats // {}) as $seats
    | if ($seats | length) == $count
        and ([$seats[].host] | unique | length == 1 and .[0] != null)
        and ([$seats[].members // [] | sort] | unique) == [$seats | keys]
      then .at = $line.t_us else . end
  end)
| .at // empty
