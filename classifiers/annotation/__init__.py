"""An LLM judges documents under a rubric; every answer is kept."""
