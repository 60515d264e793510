"""What differs between two studies, revisions or capsules, and because of what."""
