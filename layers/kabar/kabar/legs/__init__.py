"""The legs of a campaign: plan, send, settle. Here the domain's rules meet storage and carriers."""
