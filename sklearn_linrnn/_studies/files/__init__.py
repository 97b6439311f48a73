"""Files of series: from bytes to text, cells, numbers and times, each step sure or refused."""
