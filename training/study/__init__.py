"""The whole study in one line: the plan, its steps, what makes a step done, and what the report says of the methods."""
