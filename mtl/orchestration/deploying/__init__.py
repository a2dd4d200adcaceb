"""What a Prefect server must hold before runs can come by themselves: pools, limits, deployments, automations, whom to tell."""
