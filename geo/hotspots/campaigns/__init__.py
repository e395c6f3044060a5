"""What recurs, who does not report, and whether measures worked."""
