"""What labeling costs against the bare work inside it, as ratios within one run."""
