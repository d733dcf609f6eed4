"""What every measurement needs: interleaved runs, the town's parts to run them on, a page with all figures."""
