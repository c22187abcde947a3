"""The parts that the cockpit draws with: lines, panes, bars."""
