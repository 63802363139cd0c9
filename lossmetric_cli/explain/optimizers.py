"""Cards of the optimizers and of the schedules of their learning rate."""

from __future__ import annotations

from lossmetric_cli.explain.card import Card

W = "w weight, g gradient of the loss (regularisers included), lr learning_rate"
MOMENTS = "m = beta_1·m + (1 − beta_1)·g\nv = beta_2·v + (1 − beta_2)·g²\n"
STEP = "t optimizer step, one a batch, from 0; lr0 initial_learning_rate"
STEPS = "decay_steps are batches, not epochs; null stretches it over the run."

CARDS = {
    "sgd": Card(
        formula="v = momentum·v − lr·g\nw = w + v\nnesterov:  w = w + momentum·v − lr·g",
        where=f"{W}, v velocity, from 0",
        note="momentum=0 is the plain step w − lr·g.",
        traps=(
            "Keras 2's SGD(lr=…, decay=…): Keras 3 refuses lr and ignores decay with a warning. Here lr= is understood, and "
            "decay= becomes an inverse_time_decay.",
            "Keras keeps the rate inside v, PyTorch multiplies by it afterwards: under a schedule the two part.",
        ),
        source="Robbins and Monro, 1951; Nesterov: Sutskever and others, 2013; Keras docs: SGD",
        command="lmrun optimizer=sgd lr=0.1 optimizer.momentum=0.9",
    ),
    "adam": Card(
        formula=MOMENTS + "w = w − lr·√(1 − beta_2^t)/(1 − beta_1^t)·m/(√v + epsilon)",
        where=f"{W}, m and v running means, from 0, t step, from 1",
        traps=(
            "epsilon is 1e-7 here, 1e-8 in the paper and in PyTorch, and stands beside √v before its correction.",
            "An L2 penalty in the loss is divided by √v like any gradient; weight_decay is not (lmrun explain regularisation).",
        ),
        source="Kingma and Ba, 2015, the formula before section 2.1; amsgrad: Reddi and others, 2018",
    ),
    "adamw": Card(
        formula="w = w − lr·weight_decay·w\nand then a step of adam",
        where=W,
        note="Every weight shrinks by the share lr·weight_decay a step: 4e-6 by default.",
        traps=(
            "The decay is in no loss: loss and val_loss do not show it, unlike an L2 penalty.",
            "It shrinks biases and the scales of BatchNormalization as well.",
            "weight_decay is 0.004 here, 0.01 in PyTorch. Adam with weight_decay=0.004 is AdamW, and any Keras optimizer "
            "takes it.",
        ),
        source="Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019",
        command="lmrun optimizer=adamw optimizer.weight_decay=0.01",
    ),
    "nadam": Card(
        formula=MOMENTS
        + (
            "c = beta_1·(1 − ½·0.96^t),  c' that of the next step,  C the product of all c\n"
            "h = c'·m/(1 − C·c') + (1 − c)·g/(1 − C)\n"
            "w = w − lr·h/(√(v/(1 − beta_2^t)) + epsilon)"
        ),
        where=f"{W}, m and v running means, from 0, t step, from 1",
        source="Dozat, Incorporating Nesterov Momentum into Adam, 2016",
    ),
    "adamax": Card(
        formula="m = beta_1·m + (1 − beta_1)·g\nu = max(beta_2·u, |g|)\nw = w − lr/(1 − beta_1^t)·m/(u + epsilon)",
        where=f"{W}, m running mean and u fading maximum, from 0, t step, from 1",
        source="Kingma and Ba, 2015, section 7.1",
    ),
    "rmsprop": Card(
        formula=(
            "v = rho·v + (1 − rho)·g²\n"
            "w = w − lr·g/√(v + epsilon)\n"
            "centered:  v − a² in place of v,  a = rho·a + (1 − rho)·g\n"
            "momentum:  b = momentum·b + lr·g/√(v + epsilon),  w = w − b"
        ),
        where=f"{W}, v, a and b from 0",
        traps=("epsilon stands inside the root, in PyTorch outside; rho is 0.9 here, and alpha=0.99 in PyTorch.",),
        source="Tieleman and Hinton, 2012, lecture 6.5; centered: Graves, 2013",
    ),
    "adagrad": Card(
        formula="a = a + g²\nw = w − lr·g/√(a + epsilon)",
        where=f"{W}, a sum of squares, from initial_accumulator_value",
        traps=("The sum never forgets, so steps only shrink; and the default rate of 0.001 is a tenth of PyTorch's 0.01.",),
        source="Duchi and others, Adaptive Subgradient Methods, 2011",
        command="lmrun optimizer=adagrad lr=0.1",
    ),
    "adadelta": Card(
        formula=("a = rho·a + (1 − rho)·g²\nd = g·√(b + epsilon)/√(a + epsilon)\nb = rho·b + (1 − rho)·d²\nw = w − lr·d"),
        where=f"{W}, a and b running means, from 0",
        traps=("The paper has no learning rate, which is lr=1.0; Keras' default of 0.001 takes a thousandth of its steps.",),
        source="Zeiler, ADADELTA, 2012",
        command="lmrun optimizer=adadelta lr=1.0",
    ),
    "ftrl": Card(
        formula=(
            "k = n + g²\nz = z + g − w·(k^−p − n^−p)/lr,  then n = k\nw = (clip(z, −l1, l1) − z)/(k^−p/lr + 2·l2 + beta/lr)"
        ),
        where=(
            f"{W}, p learning_rate_power, n from initial_accumulator_value, z from 0, l1 and l2 the strengths, "
            "clip: cut off at both ends"
        ),
        note="An l1 above 0 makes weights that are exactly 0.",
        traps=(
            "Its L1 and L2 are in no loss, as weight decay is not.",
            "It ignores the weights that a layer starts with: z begins at 0.",
        ),
        source="McMahan and others, Ad Click Prediction, 2013",
        command="lmrun model=linear optimizer=ftrl lr=0.1",
    ),
    "lion": Card(
        formula="w = w − lr·sign(beta_1·m + (1 − beta_1)·g)\nm = beta_2·m + (1 − beta_2)·g",
        where=f"{W}, m running mean, from 0",
        note="Every weight moves by exactly lr a step; one number is kept for each weight, where Adam keeps two.",
        source="Chen and others, Symbolic Discovery of Optimization Algorithms, 2023",
        command="lmrun optimizer=lion lr=0.0003",
    ),
    "lamb": Card(
        formula="u = adam's step without lr,  both means corrected for their start\nw = w − lr·(‖w‖/‖u‖)·u",
        where=f"{W}, ‖·‖ length of a whole weight array; the ratio is 1 where a length is 0",
        traps=("weight_decay is taken off apart, not put into u as in the paper.",),
        source="You and others, Large Batch Optimization for Deep Learning, 2020",
        command="lmrun optimizer=lamb batch_size=512",
    ),
    "adafactor": Card(
        formula=(
            "r, c = running means of the rows and the columns of g²,  v = r·c/mean(r)\n"
            "u = g/√v\n"
            "w = w − max(epsilon_2, rms(w))·min(lr, 1/√t)·u/max(1, rms(u)/clip_threshold)"
        ),
        where=f"{W}, t step, from 1, rms root of the mean square; running means keep 1 − t^beta_2_decay of the old",
        note="For a matrix it uses its row and column means in place of a full second moment.",
        traps=(
            "learning_rate is a bound relative to the size of the weights, not the step itself.",
            "An input that is always 0, such as a corner pixel of digits, beside a unit that is off for a whole batch: v "
            "underflows to 0 where they meet, and 0/√0 makes the whole matrix NaN in one step.",
        ),
        source="Shazeer and Stern, Adafactor, 2018, algorithm 4",
        command="lmrun data=iris optimizer=adafactor lr=0.01",
    ),
    "muon": Card(
        formula=(
            "m = momentum·m + g\n"
            "d = g + momentum·m             nesterov=false: d = m\n"
            "w = w − lr·rms_rate·√max(rows, columns)·O(d)"
        ),
        where=f"{W}; O(d) the nearest orthogonal matrix to d, found by ns_steps of Newton and Schulz",
        note="For hidden matrices; vectors and embeddings take AdamW, with weight_decay of its own.",
        traps=(
            "The output layer is a matrix too, and should not be stepped by Muon: name it in optimizer.exclude_layers.",
            "weight_decay is on by default, 0.004 in both halves, and is in no loss.",
        ),
        source="Jordan, 2024; Liu and others, Muon is Scalable for LLM Training, 2025",
    ),
    "schedule_free_adamw": Card(
        formula=(
            "v = beta_2·v + (1 − beta_2)·g²\n"
            "z = z − lr·g/(√(v/(1 − beta_2^t)) + epsilon)\n"
            "x = (1 − 1/t)·(w − (1 − beta_1)·z)/beta_1 + z/t\n"
            "w = (1 − beta_1)·z + beta_1·x"
        ),
        where=f"{W}, z from the first weights, v from 0, t step, from 1",
        note="x is a mean of all z: the averaging does what a falling rate does.",
        traps=(
            "Keras 3.15 on TensorFlow finds the old x again from the new z where the paper has the old one, so x is not "
            "quite the mean that it should be.",
            "The model holds w, not the mean x, also while it validates and when it is saved; the paper evaluates x.",
            "weight_decay is null by default, so the W in its name does nothing until you set it.",
        ),
        source="Defazio and others, The Road Less Scheduled, 2024",
    ),
    "loss_scale": Card(
        formula="g = gradient of (scale·loss) / scale\nno step and half the scale where a g is infinite or NaN",
        where="scale from initial_scale, doubled after dynamic_growth_steps good steps",
        note="Only for float16, whose smallest numbers are too large for gradients. bfloat16 and float32 do not need it.",
        traps=("precision=mixed_float16 does this by itself (auto_scale_loss=true); choose it only to set its parameters.",),
        source="Micikevicius and others, Mixed Precision Training, 2018",
        command="lmrun optimizer=loss_scale precision=mixed_float16 auto_scale_loss=false",
    ),
}

SCHEDULES = {
    "cosine_decay": Card(
        formula=(
            "lr = lr0·(alpha + (1 − alpha)·½·(1 + cos(π·t/decay_steps)))\n"
            "warm-up:  lr0 to warmup_target in warmup_steps,  then the fall from there"
        ),
        where=STEP,
        note=f"At the end the share alpha is left, and stays. {STEPS}",
        traps=("Keras counts the warm-up on top of decay_steps.",),
        source="Loshchilov and Hutter, SGDR, 2017; warm-up: Goyal and others, 2017",
        command="lmrun optimizer/learning_rate=cosine_decay lr=0.01",
    ),
    "cosine_decay_restarts": Card(
        formula="lr = lr0·m_mul^i·(alpha + (1 − alpha)·½·(1 + cos(π·s)))",
        where="s share of the present fall that is over, i restarts so far; fall i takes first_decay_steps·t_mul^i steps",
        note="Each restart kicks the loss up: judge the run at the end of a fall.",
        source="Loshchilov and Hutter, SGDR, 2017",
        command="lmrun optimizer/learning_rate=cosine_restarts lr=0.01",
    ),
    "exponential_decay": Card(
        formula="lr = lr0·decay_rate^(t/decay_steps)\nstaircase:  t/decay_steps cut to a whole number",
        where=STEP,
        note=f"It goes on falling after decay_steps. {STEPS}",
        source="Keras docs: ExponentialDecay",
        command="lmrun optimizer/learning_rate=exponential_decay lr=0.01",
    ),
    "inverse_time_decay": Card(
        formula="lr = lr0/(1 + decay_rate·t/decay_steps)\nstaircase:  t/decay_steps cut to a whole number",
        where=STEP,
        note=f"With decay_steps=1 it is the `decay` of Keras 2's optimizers, which Keras 3 ignores. {STEPS}",
        source="Keras docs: InverseTimeDecay",
        command="lmrun optimizer=sgd lr=0.1 decay=0.001",
    ),
    "polynomial_decay": Card(
        formula="lr = end + (lr0 − end)·(1 − t/decay_steps)^power",
        where=f"{STEP}, end end_learning_rate",
        note=f"After decay_steps it stays at the end; power=1.0 is a straight line. {STEPS}",
        source="Keras docs: PolynomialDecay",
        command="lmrun optimizer/learning_rate=linear lr=0.01",
    ),
    "piecewise_constant_decay": Card(
        formula="lr = values[0] up to step boundaries[0], values[1] up to boundaries[1], …",
        where="the step of a boundary itself still has the rate before it; steps are batches, from 0",
        note="One value more than boundaries.",
        source="Keras docs: PiecewiseConstantDecay",
        command=(
            "lmrun optimizer/learning_rate=piecewise 'optimizer.learning_rate.boundaries=[300,600]' "
            "'optimizer.learning_rate.values=[0.01,0.003,0.001]'"
        ),
    ),
}
