from tools.cli.commands import main

main(prog_name="couponry")
